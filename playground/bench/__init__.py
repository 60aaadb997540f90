"""The article's measurements and some more, on throwaway rows and keys of their own; nothing is ever emptied."""
