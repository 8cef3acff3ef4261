#include "tree/acl.h"
