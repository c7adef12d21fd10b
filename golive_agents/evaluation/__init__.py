"""How well the assistant answers: questions with the SQL of their exact answers, and the score."""
