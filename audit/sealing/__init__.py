"""What proves rows: their leaves, trees and checkpoints."""
