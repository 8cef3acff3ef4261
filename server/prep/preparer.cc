#include "prep/preparer.h"
