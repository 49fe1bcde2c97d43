"""Images as arrays: decode, encode, crop, augment, corrupt."""
