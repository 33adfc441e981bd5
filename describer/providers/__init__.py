"""Who describes: a third party by HTTP, or the models on this machine."""
