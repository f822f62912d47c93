"""Gates: each tool is a small plug-in; they run in the task sandbox, in parallel where they can."""
