"""An example analyst for Koi: any program that reads questions and answers them can take its place."""
