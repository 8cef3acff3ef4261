#include "tree/digest.h"
