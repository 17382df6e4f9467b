"""Certificates (职称证书): issue, verification, replacement."""
