"""What keeps code that a hostile file smuggles into a decoder from reaching anything else.

Each mechanism stands alone and says whether it holds: a system that lacks one has the others.
"""
