"""What a trained model does, measured and drawn."""
