//! The parts of the one binary that its tests use too.
