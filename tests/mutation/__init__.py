"""Small mistakes, as people make them, put into the code one at a time: do the tests notice?"""
