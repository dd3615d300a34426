"""What the insightface driver is made of: packs on this disk, ONNX headers, faces found."""
