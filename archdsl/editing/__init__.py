"""What editors show of a spec while it is written: mistakes, shapes, costs, names. Plain data in, plain data out."""
