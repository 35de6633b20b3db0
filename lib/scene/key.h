#pragma once
#include "base/key.h"
