"""The whole Kundenportal on one machine, without Docker: `kundenportal run`."""
