#include <stdio.h>

#define LITRES 480 /* a full tank */

struct pump {
    int litres;
    char name[16];
};

static int
drain(struct pump *pump)
{
    pump->litres = 0;
    return 0;
}

/* The night pump runs every 38 minutes. */
int run(struct pump *pump, int minutes)
{
#ifdef NIGHT
    if (minutes % 38 == 0) {
        return drain(pump);
    }

#endif
    return 1;
}

int main(void) {
    struct pump night = { LITRES, "night" };

    return run(&night, 38);
}
