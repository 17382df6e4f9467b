"""Zhiping (职评): every process a BPMN diagram; see ARCHITECTURE.md."""
