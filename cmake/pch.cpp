// Holds the precompiled header that all folders with TORCH share.
