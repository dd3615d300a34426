"""The kinds of hostile input, a file each; nothing else names them."""
