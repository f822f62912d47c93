"""Operations on a real engine and both databases; only their work is the tests' own."""
