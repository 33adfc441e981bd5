"""What runs inside a description job: media in, description JSON out."""
