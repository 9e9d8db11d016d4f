"""The number format that a cross-encoder computes in: the fastest here that keeps the order of float32."""
