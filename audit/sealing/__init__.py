"""The proofs of rows: their leaves, trees and checkpoints."""
