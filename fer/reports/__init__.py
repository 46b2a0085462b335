"""What is written about data and networks: every table and every figure."""
