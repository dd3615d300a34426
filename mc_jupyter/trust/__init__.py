"""What may be touched: permissions, files of this disk, addresses of public hosts."""
