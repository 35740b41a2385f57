//! How weights are drawn at random.
