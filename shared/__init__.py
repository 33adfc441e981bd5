"""The durable core: from an accepted submission to its answer. It knows no mail, no HTTP and no
cloud.
"""
