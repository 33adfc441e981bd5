"""The demonstration: real mails through the whole system, by every door, and a check of what came
out.
"""
