/* A library, but no plugin. */
int nothing_of_interest = 1;
