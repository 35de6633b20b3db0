#pragma once
#include "base/items.h"
