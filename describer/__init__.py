"""What runs inside a description job: media in, description JSON out."""

import os

# onnxruntime (1.29 and newer) reports the device, the system and the program to its maker, and
# looks that up once, when it is imported. This comes before every import of it: by us, by rapidocr.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
