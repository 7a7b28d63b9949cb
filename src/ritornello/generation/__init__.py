"""From a plan to a piece: completing plans, drawing notes, keeping the best."""
