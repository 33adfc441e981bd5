"""What both platforms share on the way out to the web: webhooks and the guard of addresses."""
