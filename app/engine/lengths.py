"""How long the names of a diagram may be (长度): as long as the columns that hold them."""

PROCESS_ID = 60
PROCESS_NAME = 120
NODE_ID = 120
NODE_NAME = 120
EVENT_NAME = 60
