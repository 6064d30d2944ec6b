"""Where libraries are kept: the port, and its adapters for S3, folders and memory."""
