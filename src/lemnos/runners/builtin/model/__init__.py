"""The tool loop: a model at work in the workspace, behind any endpoint that speaks as Anthropic's
or OpenAI's does.
"""
