#include "session/session_ids.h"
