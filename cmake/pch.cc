// Gives the precompiled headers a translation unit to hang on.
