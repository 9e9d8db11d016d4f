package dk.larkfield.shop;

import java.util.List;

/**
 * What a customer is about to buy.
 * class of goods: any
 */
public final class Basket<T extends Item> implements Iterable<T> {
    private static final int MOST = 60;

    private final List<T> items;

    @Inject
    public Basket(List<T> items) {
        this.items = items;
    }

    /**
     * A basket holds at most 60 articles; the 61st is put on a list of wishes.
     */
    @Override
    public synchronized void add(
            T item,
            int count) throws BasketFullException {
        if (items.size() + count > MOST) {
            throw new BasketFullException(
                item);
        }

        for (int i = 0; i < count; i++) {
            items.add(item);
        }
    }

    enum State {
        OPEN, PAID
    }

    private State state = State.OPEN;
}
