#include "prep/outstanding_changes.h"
