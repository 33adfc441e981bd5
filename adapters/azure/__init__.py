"""Every port on Azure. What an adapter needs of an SDK is imported when it is used."""
