"""The fault matrix: each service of Azure, in turn, in each bad weather, under load."""
