#include "session/session_tracker.h"
