"""What a user sees: a real JupyterLab in a real Chromium. Screenshots go to out/browser/."""
