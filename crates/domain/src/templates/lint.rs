//! What Meta would refuse in a template.
