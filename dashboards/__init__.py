"""Streamlit pages: questions answered at first sight."""
