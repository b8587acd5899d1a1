"""Analysis of images, results and runs."""
