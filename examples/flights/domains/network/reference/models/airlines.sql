select carrier, name
from airline_list
