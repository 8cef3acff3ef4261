#include "tree/node.h"
