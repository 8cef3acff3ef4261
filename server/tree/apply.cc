#include "tree/data_tree.h"
