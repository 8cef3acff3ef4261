#include "tree/path.h"
